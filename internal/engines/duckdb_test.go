// Package engines has engines of others read what flowcorr batch writes. It is a
// module of its own: no engine comes with flowcorr.
package engines

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/marcboeker/go-duckdb"
)

// result is that of an archive.
func result(t *testing.T) string { return resultOf(t, "samples/slow-application/input") }

func resultOf(t *testing.T, archive string) string {
	t.Helper()
	out := t.TempDir()
	cmd := exec.Command("go", "run", "./cmd/flowcorr", "batch", archive, "--out", out, "--quiet")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return out
}

// folders of the result, as the pages of the manual call it.
var folders = map[string]string{"en": "result/", "es": "resultado/"}

// rows of a query, each in words.
func rows(t *testing.T, db *sql.DB, query string) (all []string) {
	t.Helper()
	r, err := db.Query(query)
	if err != nil {
		t.Fatalf("%s\n%v", query, err)
	}
	defer r.Close()
	columns, err := r.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for r.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := r.Scan(into...); err != nil {
			t.Fatal(err)
		}
		var row []string
		for _, v := range values {
			row = append(row, fmt.Sprint(v))
		}
		all = append(all, strings.Join(row, "|"))
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	return all
}

// queries of a page of the manual for an engine, in their order; what makes a view
// is among them.
func queries(t *testing.T, page, engine string) (all []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", page, "archives.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for {
		_, rest, found := strings.Cut(text, "```sql\n")
		if !found {
			return all
		}
		block, after, _ := strings.Cut(rest, "```")
		text = after
		block, ours := strings.CutPrefix(block, "-- "+engine+"\n")
		if !ours {
			continue
		}
		for _, q := range strings.Split(block, ";") {
			if strings.TrimSpace(q) != "" {
				all = append(all, q)
			}
		}
	}
}

// TestDuckDB runs the manual's queries, and finds the same in both forms of each
// table.
func TestDuckDB(t *testing.T) {
	out := result(t)
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for page, folder := range folders {
		all := queries(t, page, "DuckDB")
		for _, q := range all {
			if got := rows(t, db, strings.ReplaceAll(q, "'"+folder, "'"+out+"/")); len(got) == 0 {
				t.Errorf("%s gives nothing", q)
			}
		}
		if len(all) < 4 {
			t.Errorf("only %d queries in the manual", len(all))
		}
	}
	for table, columns := range map[string]string{
		"journeys/*/*": "service, client, client_port, name, start_ns, start_corrected_ns, outcome, total_seconds, tls_version, day, point",
		"findings/*":   "rule, severity, text, start_ns, journeys, lost_seconds, day",
		"clocks/*":     "name, status, from_ns, to_ns, offset_seconds, low_seconds, high_seconds, day",
	} {
		glob := out + "/" + table + "/*."
		a := rows(t, db, "SELECT "+columns+" FROM read_parquet('"+glob+"parquet', hive_partitioning = true) ORDER BY ALL")
		b := rows(t, db, "SELECT "+columns+" FROM read_json('"+glob+"jsonl', format = 'newline_delimited', hive_partitioning = true) ORDER BY ALL")
		if len(a) == 0 || strings.Join(a, "\n") != strings.Join(b, "\n") {
			t.Errorf("%s as Parquet\n%s\nas lines\n%s", table, strings.Join(a, "\n"), strings.Join(b, "\n"))
		}
	}
}

// TestUnknownColumns: where a column is unknown in all rows of a result, as the offsets of
// clocks that nothing measures, the manual's queries go on to answer.
func TestUnknownColumns(t *testing.T) {
	out := resultOf(t, "samples/tcp-loss/input/client.pcap")
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, q := range queries(t, "en", "DuckDB") {
		got := rows(t, db, strings.ReplaceAll(q, "'result/", "'"+out+"/"))
		if strings.Contains(q, "clocks") && strings.Join(got, "") != "capture client.pcap|<nil>|<nil>" {
			t.Errorf("%s gives %v", q, got)
		}
	}
}
