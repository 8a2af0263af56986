# frozen_string_literal: true

# fog-aws with the instance profile. There is no STS GetCallerIdentity in it, and its list of
# buckets is always asked of Amazon's own S3: it lists a bucket.

require 'fog/aws'
require_relative 'program'

Fog::Logger[:warning] = nil
Program.main(Fog::AWS::VERSION) do
  storage = Fog::Storage.new(provider: 'AWS', use_iam_profile: true, region: ENV.fetch('AWS_REGION'),
                             endpoint: ENV.fetch('AWS_ENDPOINT_URL_S3'), path_style: true)
  storage.get_bucket('bucket')
  { accessKeyId: storage.instance_variable_get(:@aws_access_key_id) }
end
