package clock

import (
	"flag"
	"os"
	"testing"
)

// TestMain gives the property tests the same cases on every run, unless a seed
// is asked for.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("rapid.seed"); f != nil && f.Value.String() == "0" {
		if err := f.Value.Set("20261122"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
