// What Terraform's AWS provider and backend find credentials with.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/hashicorp/aws-sdk-go-base/v2"

	"clients/program"
)

func main() {
	program.Main("github.com/hashicorp/aws-sdk-go-base/v2", func() (program.Identity, error) {
		ctx := context.Background()
		_, config, faults := awsbase.GetAwsConfig(ctx, &awsbase.Config{
			Region:      os.Getenv("AWS_REGION"),
			StsEndpoint: os.Getenv("AWS_ENDPOINT_URL_STS"),
		})
		if faults.HasError() {
			fault := faults.Errors()[0]
			return program.Identity{}, fmt.Errorf("%s: %s", fault.Summary(), fault.Detail())
		}
		return program.CallerIdentity(config)
	})
}
