package pcapflow_test

import (
	"fmt"
	"log"
	"os"
	"time"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// The flows of a capture, each when it ends: memory follows those open at one
// time.
func ExampleAnalyse() {
	f, err := os.Open("../../samples/slow-application/input/client.pcap")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	packets, err := capture.NewReader(f, capture.Options{})
	if err != nil {
		log.Fatal(err)
	}
	slow := 0
	_, err = pcapflow.Analyse(packets, pcapflow.Options{OnFlow: func(f *pcapflow.Flow) {
		for _, p := range f.Phases {
			if p.Name == pcapflow.HTTPWait && p.End.Seen() && time.Duration(p.End.Time-p.Begin.Time) > 250*time.Millisecond {
				slow++
			}
		}
	}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(slow, "answers were waited for longer than a quarter of a second")
	// Output: 6 answers were waited for longer than a quarter of a second
}
