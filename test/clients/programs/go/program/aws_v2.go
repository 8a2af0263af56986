package program

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// CallerIdentity asks STS with the credentials of a configuration that the client under test made.
func CallerIdentity(config aws.Config) (Identity, error) {
	credentials, err := config.Credentials.Retrieve(context.Background())
	if err != nil {
		return Identity{}, err
	}
	caller, err := sts.NewFromConfig(config).GetCallerIdentity(context.Background(), nil)
	if err != nil {
		return Identity{}, err
	}
	return Identity{AccessKeyID: credentials.AccessKeyID, Arn: aws.ToString(caller.Arn)}, nil
}
