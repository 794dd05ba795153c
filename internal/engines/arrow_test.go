package engines

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// parquets are the files of rows of a result.
func parquets(t *testing.T, out string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(out, func(path string, e os.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".parquet" {
			all = append(all, path)
		}
		return err
	})
	if err != nil || len(all) < 3 {
		t.Fatalf("%d files: %v", len(all), err)
	}
	return all
}

// linesOf are the rows of the same part as lines of JSON.
func linesOf(t *testing.T, parquet string) (rows []map[string]any) {
	t.Helper()
	f, err := os.Open(strings.TrimSuffix(parquet, ".parquet") + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var row map[string]any
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

// What Spark's reader takes, as its ParquetToSparkSchemaConverter and
// VectorizedColumnReader have it (3.3 and later): these encodings, these codecs, and of
// annotated types those below. It refuses nanosecond timestamps and what it does not know.
var (
	sparkEncodings = []parquet.Encoding{parquet.Encodings.Plain, parquet.Encodings.RLE, parquet.Encodings.BitPacked, parquet.Encodings.PlainDict, parquet.Encodings.RLEDict, parquet.Encodings.DeltaBinaryPacked, parquet.Encodings.DeltaByteArray, parquet.Encodings.DeltaLengthByteArray}
	sparkCodecs    = []compress.Compression{compress.Codecs.Uncompressed, compress.Codecs.Snappy, compress.Codecs.Gzip, compress.Codecs.Zstd, compress.Codecs.Lz4Raw}
	sparkTypes     = []string{"None", "String", "Int(bitWidth=32, isSigned=true)", "Int(bitWidth=64, isSigned=true)", "Map", "List"}
)

// TestWhatSparkReads: columns of the tables are of the types, encodings and codecs that
// Spark reads, and maps and lists have the structure that it knows them by. It is no run
// of Spark.
func TestWhatSparkReads(t *testing.T) {
	for _, path := range parquets(t, result(t)) {
		r, err := file.OpenParquetFile(path, false)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(filepath.Dir(path))
		var visit func(n schema.Node)
		visit = func(n schema.Node) {
			if l := n.LogicalType().String(); !slices.Contains(sparkTypes, l) {
				t.Errorf("%s: %s is %s", name, n.Path(), l)
			}
			g, ok := n.(*schema.GroupNode)
			if !ok {
				return
			}
			if l := n.LogicalType().String(); l == "Map" || l == "List" {
				inner, _ := g.Field(0).(*schema.GroupNode)
				if g.NumFields() != 1 || inner == nil || inner.RepetitionType() != parquet.Repetitions.Repeated ||
					l == "Map" && (inner.NumFields() != 2 || inner.Field(0).RepetitionType() != parquet.Repetitions.Required) || l == "List" && inner.NumFields() != 1 {
					t.Errorf("%s: %s is no %s as the format has them", name, n.Path(), l)
				}
			}
			for i := range g.NumFields() {
				visit(g.Field(i))
			}
		}
		visit(r.MetaData().Schema.Root())
		for i := range r.NumRowGroups() {
			for k := range r.MetaData().Schema.NumColumns() {
				c, err := r.RowGroup(i).MetaData().ColumnChunk(k)
				if err != nil {
					t.Fatal(err)
				}
				checkChunk(t, name, c)
			}
		}
		if rows := linesOf(t, path); int(r.NumRows()) != len(rows) {
			t.Errorf("%s: %d rows, %d lines", name, r.NumRows(), len(rows))
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func checkChunk(t *testing.T, name string, c *metadata.ColumnChunkMetaData) {
	if c.Type() == parquet.Types.Int96 || !slices.Contains(sparkCodecs, c.Compression()) {
		t.Errorf("%s: %s is %v, %v", name, c.PathInSchema(), c.Type(), c.Compression())
	}
	for _, e := range c.Encodings() {
		if !slices.Contains(sparkEncodings, e) {
			t.Errorf("%s: %s is encoded as %v", name, c.PathInSchema(), e)
		}
	}
}

// readers are programs that print a table as JSON, with libraries of node: that of Rust,
// on which DataFusion stands, Polars, and one of JavaScript alone.
var readers = map[string]string{
	"parquet-wasm": `const p = require("parquet-wasm/node"), a = require("apache-arrow");
const t = a.tableFromIPC(p.readParquet(fs.readFileSync(file)).intoIPCStream());
print(t.toArray().map(r => r.toJSON()));`,
	"nodejs-polars": `const pl = require("nodejs-polars"); print(pl.readParquet(file).toRecords());`,
	"hyparquet": `(async () => { const h = await import("hyparquet"), { compressors } = await import("hyparquet-compressors");
print(await h.parquetReadObjects({ file: await h.asyncBufferFromFile(file), compressors })); })();`,
}

// TestReaders has libraries of others read each table: what they find is what stands in
// the lines. READERS names a node_modules with them.
func TestReaders(t *testing.T) {
	modules := os.Getenv("READERS")
	if modules == "" {
		t.Skip("READERS names no node_modules")
	}
	out := result(t)
	const begin = `const fs = require("fs"), file = process.argv[2];
const print = rows => console.log(JSON.stringify(rows, (k, v) => typeof v === "bigint" ? Number(v) : v));
`
	for name, program := range readers {
		t.Run(name, func(t *testing.T) {
			if _, err := os.Stat(filepath.Join(modules, name)); err != nil {
				t.Skip(err)
			}
			script := filepath.Join(filepath.Dir(modules), ".reader-"+name+".cjs")
			if err := os.WriteFile(script, []byte(begin+program), 0o644); err != nil {
				t.Fatal(err)
			}
			defer os.Remove(script)
			n := 0
			for _, path := range parquets(t, out) {
				text, err := exec.Command("node", script, path).Output()
				if err != nil {
					t.Fatalf("%s: %v\n%s", path, err, text)
				}
				var rows []map[string]any
				if err := json.Unmarshal(text, &rows); err != nil {
					t.Fatalf("%v: %.200s", err, text)
				}
				want := linesOf(t, path)
				if len(rows) != len(want) {
					t.Errorf("%s: %d rows, want %d", path, len(rows), len(want))
					continue
				}
				for i := range rows {
					for column, v := range want[i] {
						if plain(v) && fmt.Sprint(rows[i][column]) != fmt.Sprint(v) {
							t.Errorf("%s: row %d, %s is %v, want %v", path, i, column, rows[i][column], v)
						}
						n++
					}
				}
			}
			t.Logf("%d values", n)
		})
	}
}

// plain tells a value that is neither a list nor a map: these each library has its own
// form for.
func plain(v any) bool {
	switch v.(type) {
	case []any, map[string]any:
		return false
	}
	return true
}
