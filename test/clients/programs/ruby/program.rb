# frozen_string_literal: true

require 'json'

# What every client here has in common: a line in, credentials resolved afresh, a line of JSON out.
module Program
  def self.main(version)
    return puts(version) if ARGV.first == '--version'

    $stdout.sync = true
    $stdin.each_line do
      puts JSON.generate(yield)
    rescue StandardError => e
      puts JSON.generate({ error: "#{e.class}: #{e.message}" })
    end
  end
end
