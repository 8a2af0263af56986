// The AWS SDK for Go v2 and its default chain.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/config"

	"clients/program"
)

func main() {
	program.Main("github.com/aws/aws-sdk-go-v2/config", func() (program.Identity, error) {
		loaded, err := config.LoadDefaultConfig(context.Background())
		if err != nil {
			return program.Identity{}, err
		}
		return program.CallerIdentity(loaded)
	})
}
