// Package program is what every client here has in common: a line in, credentials resolved afresh, a line of JSON out.
package program

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
)

// Identity is whose keys the SDK found, and whom STS took them for where the client has STS.
type Identity struct {
	AccessKeyID string `json:"accessKeyId"`
	Arn         string `json:"arn,omitempty"`
}

// Main answers each line of stdin with one identity, or prints the linked version of module when asked for --version.
func Main(module string, resolve func() (Identity, error)) {
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		fmt.Println(versionOf(module))
		return
	}
	answers := json.NewEncoder(os.Stdout)
	answers.SetEscapeHTML(false)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		identity, err := resolve()
		if err != nil {
			answers.Encode(map[string]string{"error": err.Error()})
			continue
		}
		answers.Encode(identity)
	}
}

func versionOf(module string) string {
	build, _ := debug.ReadBuildInfo()
	for _, dependency := range build.Deps {
		if dependency.Path == module {
			return dependency.Version
		}
	}
	panic(module + " is not linked into this program")
}
