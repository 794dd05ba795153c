package engines

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// clickhouse gives what runs a query with ClickHouse: its program, or the library in
// the folder that CHDB names (npm install chdb).
func clickhouse(t *testing.T) func(query string) (string, error) {
	t.Helper()
	command := []string{}
	for _, name := range []string{"clickhouse", "clickhouse-local"} {
		if path, err := exec.LookPath(name); err == nil {
			command = []string{path, "local", "--query"}
			if name == "clickhouse-local" {
				command = []string{path, "--query"}
			}
			break
		}
	}
	if library := os.Getenv("CHDB"); len(command) == 0 && library != "" {
		command = []string{"node", "-e", `process.stdout.write(require(process.argv[1]).query(process.argv[2], "TSV"))`, library}
	}
	if len(command) == 0 {
		t.Skip("ClickHouse is not installed, and CHDB names no library")
	}
	return func(query string) (string, error) {
		out, err := exec.Command(command[0], append(command[1:], query)...).CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
}

// TestClickHouse runs the manual's queries, finds the same in both forms of each
// table, and unknown where it is not known.
func TestClickHouse(t *testing.T) {
	query, out := clickhouse(t), result(t)
	ask := func(q string) string {
		t.Helper()
		got, err := query(q)
		if err != nil || got == "" {
			t.Fatalf("%s\n%s\n%v", q, got, err)
		}
		return got
	}
	for page, folder := range folders {
		all := queries(t, page, "ClickHouse")
		for _, q := range all {
			ask(strings.ReplaceAll(q, "'"+folder, "'"+out+"/"))
		}
		if len(all) < 4 {
			t.Errorf("only %d queries in the manual", len(all))
		}
	}
	for table, columns := range map[string]string{
		"journeys/*/*": "service, client, client_port, name, start_ns, start_corrected_ns, outcome, total_seconds, tls_version, also_seen, day, point",
		"findings/*":   "rule, severity, text, start_ns, journeys, lost_seconds, day",
		"clocks/*":     "name, status, from_ns, to_ns, offset_seconds, low_seconds, high_seconds, day",
	} {
		from := func(ending, format string) string {
			return ask("SELECT " + columns + " FROM file('" + out + "/" + table + "/*." + ending + "', '" + format + "') ORDER BY ALL")
		}
		if a, b := from("parquet", "Parquet"), from("jsonl", "JSONEachRow"); a != b {
			t.Errorf("%s as Parquet\n%s\nas lines\n%s", table, a, b)
		}
	}
	phases := func(ending, format string) string {
		return ask("SELECT start_ns, arraySort(mapKeys(phase_seconds)), arraySum(mapValues(phase_seconds)) FROM file('" + out + "/journeys/*/*/*." + ending + "', '" + format + "', 'start_ns Int64, phase_seconds Map(String, Float64)') ORDER BY ALL")
	}
	if a, b := phases("parquet", "Parquet"), phases("jsonl", "JSONEachRow"); a != b {
		t.Errorf("phases as Parquet\n%s\nas lines\n%s", a, b)
	}
	if got := ask("SELECT countIf(start_ns IS NULL) > 0, countIf(start_ns = 0), countIf(toTypeName(day) != 'Date') FROM file('" + out + "/findings/*/*.parquet')"); got != "1\t0\t0" {
		t.Errorf("findings without a time, at 1970, and without a date: %s", got)
	}
}

// TestSpark runs the manual's statements.
func TestSpark(t *testing.T) {
	spark, err := exec.LookPath("spark-sql")
	if err != nil {
		t.Skip("spark-sql is not installed")
	}
	out := result(t)
	for page, folder := range folders {
		all := queries(t, page, "Spark")
		if len(all) < 4 {
			t.Errorf("only %d statements in the manual", len(all))
		}
		text := strings.ReplaceAll(strings.Join(all, ";"), "'"+folder, "'"+out+"/")
		if got, err := exec.Command(spark, "-S", "-e", text).Output(); err != nil || len(got) == 0 {
			t.Errorf("%s\n%s\n%v", text, got, err)
		}
	}
}
