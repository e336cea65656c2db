// The official Kubernetes provider, built from its own module: Pulumi publishes the plugin as a binary to download only.
package main

import (
	_ "embed"
	"os"
	"time"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

// Both files are the module's own: tools/programs.py lays them over this folder, their 8 MB are not copied here.
//
//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var mapping []byte

func main() {
	// An engine that was killed ends no plugin, and the provider itself would notice only after five minutes.
	go func() {
		for engine := os.Getppid(); os.Getppid() == engine; {
			time.Sleep(time.Second)
		}
		os.Exit(1)
	}()
	provider.Serve("kubernetes", version.Version, schema, mapping)
}
