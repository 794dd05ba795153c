package segment_test

import (
	"fmt"
	"log"
	"os"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/segment"
)

// Three steps, as an engine that spreads work has them: each file is read where it
// lies, what belongs to one capture point is merged as it comes, and each point is
// finished.
func Example() {
	files := []string{"client.pcap", "server.pcap"} // of two points
	merged := map[string]segment.Segment{}
	for _, name := range files {
		f, err := os.Open("../../../samples/slow-application/input/" + name)
		if err != nil {
			log.Fatal(err)
		}
		s, err := segment.Read(segment.File{Name: name}, f)
		f.Close()
		if err != nil {
			log.Fatal(err)
		}
		point := name // here each file is one
		merged[point] = segment.Merge(merged[point], s)
	}
	for _, point := range files {
		r, err := segment.Finish(merged[point], pcapflow.Options{})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(point, len(r.Flows) > 10, r.Packets > 500)
	}
	// Output:
	// client.pcap true true
	// server.pcap true true
}
