// What Vault and OpenBao find credentials with: HashiCorp's awsutil on the AWS SDK for Go v2.
package main

import (
	"context"
	"os"

	"github.com/hashicorp/go-secure-stdlib/awsutil/v2"

	"clients/program"
)

func main() {
	program.Main("github.com/hashicorp/go-secure-stdlib/awsutil/v2", func() (program.Identity, error) {
		ctx := context.Background()
		wanted, err := awsutil.NewCredentialsConfig(awsutil.WithRegion(os.Getenv("AWS_REGION")))
		if err != nil {
			return program.Identity{}, err
		}
		config, err := wanted.GenerateCredentialChain(ctx)
		if err != nil {
			return program.Identity{}, err
		}
		return program.CallerIdentity(*config)
	})
}
