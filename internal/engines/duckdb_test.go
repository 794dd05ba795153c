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
func result(t *testing.T) string {
	t.Helper()
	out := t.TempDir()
	cmd := exec.Command("go", "run", "./cmd/flowcorr", "batch", "samples/slow-application/input", "--out", out, "--quiet")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return out
}

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

// queries of a page of the manual.
func queries(t *testing.T, page string) (all []string) {
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
		for _, q := range strings.Split(block, ";") {
			if strings.Contains(q, "SELECT") {
				all = append(all, q)
			}
		}
		text = after
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
	n := 0
	for page, folder := range map[string]string{"en": "result/", "es": "resultado/"} {
		for _, q := range queries(t, page) {
			if got := rows(t, db, strings.ReplaceAll(q, "'"+folder, "'"+out+"/")); len(got) == 0 {
				t.Errorf("%s gives nothing", q)
			}
			n++
		}
	}
	if n < 6 {
		t.Errorf("only %d queries in the manual", n)
	}
	for table, columns := range map[string]string{
		"journeys/*/*": "service, client, name, start_ns, outcome, total_seconds, day, point", "findings/*": "rule, severity, text, journeys, day", "clocks/*": "name, status, day",
	} {
		glob := out + "/" + table + "/*."
		a := rows(t, db, "SELECT "+strings.Replace(columns, "start_ns", "epoch_ns(start_ns)", 1)+" FROM read_parquet('"+glob+"parquet', hive_partitioning = true) ORDER BY ALL")
		b := rows(t, db, "SELECT "+columns+" FROM read_json('"+glob+"jsonl', format = 'newline_delimited', hive_partitioning = true) ORDER BY ALL")
		if len(a) == 0 || strings.Join(a, "\n") != strings.Join(b, "\n") {
			t.Errorf("%s as Parquet\n%s\nas lines\n%s", table, strings.Join(a, "\n"), strings.Join(b, "\n"))
		}
	}
}
