// MinIO's Go client with its IAM provider, as a server takes it. There is no STS GetCallerIdentity in it: it lists buckets.
package main

import (
	"context"
	"net/url"
	"os"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"clients/program"
)

func main() {
	program.Main("github.com/minio/minio-go/v7", func() (program.Identity, error) {
		endpoint, err := url.Parse(os.Getenv("AWS_ENDPOINT_URL_S3"))
		if err != nil {
			return program.Identity{}, err
		}
		found := credentials.NewIAM("")
		client, err := minio.New(endpoint.Host, &minio.Options{
			Creds:  found,
			Region: os.Getenv("AWS_REGION"),
			Secure: endpoint.Scheme == "https",
		})
		if err != nil {
			return program.Identity{}, err
		}
		if _, err := client.ListBuckets(context.Background()); err != nil {
			return program.Identity{}, err
		}
		keys, err := found.GetWithContext(client.CredContext())
		return program.Identity{AccessKeyID: keys.AccessKeyID}, err
	})
}
