# VM::EC2's metadata client. There is neither STS GetCallerIdentity nor S3 in it: it says whose keys it found.

use strict;
use warnings;

use JSON;
use VM::EC2;
use VM::EC2::Instance::Metadata;

if (@ARGV and $ARGV[0] eq '--version') {
    print "$VM::EC2::VERSION\n";
    exit;
}
$| = 1;
while (<STDIN>) {
    my $credentials = eval { VM::EC2::Instance::Metadata->new->iam_credentials };
    my $answer =
      $credentials
      ? { accessKeyId => $credentials->accessKeyId }
      : { error => $@ || 'no credentials' };
    print JSON->new->canonical->encode($answer), "\n";
}
