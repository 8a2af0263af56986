// The AWS SDK for Go v1, which knows no AWS_ENDPOINT_URL_STS: it is told.
package main

import (
	"os"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/sts"

	"clients/program"
)

func main() {
	program.Main("github.com/aws/aws-sdk-go", func() (program.Identity, error) {
		made, err := session.NewSession()
		if err != nil {
			return program.Identity{}, err
		}
		keys, err := made.Config.Credentials.Get()
		if err != nil {
			return program.Identity{}, err
		}
		endpoint := aws.NewConfig().WithEndpoint(os.Getenv("AWS_ENDPOINT_URL_STS"))
		caller, err := sts.New(made, endpoint).GetCallerIdentity(nil)
		if err != nil {
			return program.Identity{}, err
		}
		return program.Identity{AccessKeyID: keys.AccessKeyID, Arn: aws.StringValue(caller.Arn)}, nil
	})
}
