// What Consul, Nomad and Vault find their peers in EC2 with. It hands its credentials to nobody, so an EC2 API
// inside this program answers it and tells whose key signed the question.
package main

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"

	"github.com/hashicorp/go-discover/provider/aws"

	"clients/program"
)

const noInstances = `<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet/></DescribeInstancesResponse>`

var signer = regexp.MustCompile(`Credential=([^/]+)/`)

func main() {
	program.Main("github.com/hashicorp/go-discover", func() (program.Identity, error) {
		signed := make(chan string, 1)
		ec2 := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
			if key := signer.FindStringSubmatch(request.Header.Get("Authorization")); key != nil {
				signed <- key[1]
			}
			io.WriteString(response, noInstances)
		}))
		defer ec2.Close()
		os.Setenv("AWS_ENDPOINT_URL_EC2", ec2.URL)
		peers := map[string]string{"provider": "aws", "region": os.Getenv("AWS_REGION"), "tag_key": "role", "tag_value": "peer"}
		if _, err := (&aws.Provider{}).Addrs(peers, log.New(io.Discard, "", 0)); err != nil {
			return program.Identity{}, err
		}
		select {
		case key := <-signed:
			return program.Identity{AccessKeyID: key}, nil
		default:
			return program.Identity{}, errors.New("the question to EC2 was not signed")
		}
	})
}
