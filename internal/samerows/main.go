// Command samerows compares two results of flowcorr batch on the same packets and
// lines cut into files in different ways: row by row, but for the names of files
// and the numbers of frames and lines in them.
//
//	samerows RESULT RESULT
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"regexp"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/archive"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("samerows RESULT RESULT")
	}
	same := compare("journeys", journeys)
	if !compare("findings", findings) || !same {
		os.Exit(1)
	}
}

func compare(table string, rows func(string) ([]string, error)) bool {
	a, err := rows(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	b, err := rows(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	missing, extra := apart(a, b), apart(b, a)
	fmt.Printf("%s: %d and %d rows, %d differ\n", table, len(a), len(b), max(len(missing), len(extra)))
	for i := range min(3, len(missing)) {
		fmt.Println("-", missing[i])
	}
	for i := range min(3, len(extra)) {
		fmt.Println("+", extra[i])
	}
	return len(missing)+len(extra) == 0
}

// apart gives what of a, sorted, is not in b.
func apart(a, b []string) []string {
	var out []string
	for len(a) > 0 {
		switch {
		case len(b) == 0 || a[0] < b[0]:
			out, a = append(out, a[0]), a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	return out
}

func journeys(result string) ([]string, error) {
	return texts(result, "journeys", func(j *trend.JourneyRow) {
		j.File, j.Frame, j.Point = "", 0, ""
		for i := range j.Lines {
			j.Lines[i].File, j.Lines[i].Line = "", 0
		}
	})
}

func findings(result string) ([]string, error) {
	return texts(result, "findings", func(f *trend.FindingRow) { f.Files, f.Text = nil, named.ReplaceAllString(f.Text, "") })
}

// named is where a finding's text names the capture, by one of its files.
var named = regexp.MustCompile(` \(in [^)]*\.(pcap|pcapng)[^)]*\)|[^ ]+\.(pcap|pcapng)[^ ,;:)]*`)

func texts[T any](result, table string, blur func(*T)) (all []string, err error) {
	err = archive.EachRow(result, table, func(row *T) error {
		blur(row)
		b, err := json.Marshal(row)
		all = append(all, string(b))
		return err
	})
	slices.Sort(all)
	return all, err
}
