package correlate_test

import (
	"context"
	"fmt"
	"log"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
)

// A folder of evidence becomes journeys, with the log lines that tell of them.
func ExampleCorrelate() {
	inc, err := incident.Read(context.Background(), []string{"../../samples/tcp-loss/input"}, incident.Options{})
	if err != nil {
		log.Fatal(err)
	}
	c := correlate.Correlate(inc, correlate.Options{})
	longest := c.Journeys[0]
	for _, j := range c.Journeys {
		if j.Total() > longest.Total() {
			longest = j
		}
	}
	fmt.Println(len(c.Journeys), "journeys; the longest to", longest.Name)
	for _, s := range longest.Breakdown[:1] {
		fmt.Printf("%.0f %% of it is %s\n", 100*s.Share, s.Cause)
	}
	// Output:
	// 16 journeys; the longest to www.ejemplo.com
	// 92 % of it is loss
}
