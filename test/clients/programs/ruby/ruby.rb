# frozen_string_literal: true

# The AWS SDK for Ruby 3 and its default chain; this version knows no AWS_ENDPOINT_URL_STS: it is told.

require 'aws-sdk-core'
require_relative 'program'

Program.main(Aws::CORE_GEM_VERSION) do
  sts = Aws::STS::Client.new(endpoint: ENV.fetch('AWS_ENDPOINT_URL_STS'))
  arn = sts.get_caller_identity.arn
  { accessKeyId: sts.config.credentials.credentials.access_key_id, arn: arn }
end
