package incident

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/internal/folder"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
	"github.com/flowcorr/flowcorr/pkg/unpack"
)

// Unrecognised is the kind of a file that is not of use.
const Unrecognised = "unrecognised"

// item is a file on its way.
type item struct {
	file     *File
	folder   string    // of Log
	stream   io.Reader // what can be read once only: standard input, a pipe
	open     *source   // of a stream, between its being recognised and read
	unpack   unpack.Options
	progress func(bytes int) // nil: nobody asks

	format *logparse.Format       // of a log
	sample sample                 // of a log: what its first lines tell
	config *logparse.ServerConfig // of a web server's configuration
	keys   []byte                 // of a TLS key log, or of secrets in a capture's head
	info   capture.FileInfo       // of a capture

	told     *ToldFormat       // how to read it; nil: as its content tells
	aliases  map[string]string // names of hosts by others, in lower case
	caseFile bool

	keepHead bool   // the first bytes are looked at again
	head     []byte // those of a log, where keepHead is set
}

// find lists every file under paths in the order of their names in the report.
func find(paths []string, opt Options) []*item {
	var all []*item
	given := map[string]bool{} // a file under two arguments is one file
	for _, p := range paths {
		for _, it := range findUnder(p, opt) {
			if opt.Only != nil && !opt.Only(it.file.Open) {
				continue
			}
			if abs, err := filepath.Abs(it.file.Open); err == nil && p != "-" {
				if given[abs] {
					continue
				}
				given[abs] = true
			}
			all = append(all, it)
		}
	}
	tellApart(all)
	slices.SortStableFunc(all, byPath)
	setFolders(paths, all)
	return all
}

// findUnder lists one path given: a file, or a folder with all below it.
func findUnder(p string, opt Options) []*item {
	name := filepath.ToSlash(filepath.Base(p))
	if p == "-" {
		it := newItem(p, "standard input", opt)
		if it.stream = opt.Stdin; opt.Stdin == nil {
			it.file.problem("there is no standard input here")
		}
		return []*item{it}
	}
	st, err := os.Stat(p)
	if err != nil {
		it := newItem(p, p, opt)
		it.file.problem("%v", short(err))
		return []*item{it}
	}
	if !st.IsDir() {
		it := newItem(p, name, opt)
		// Given by name, a pipe is meant to be read.
		if mode := st.Mode(); mode&(fs.ModeNamedPipe|fs.ModeCharDevice) != 0 {
			f, err := os.Open(p)
			if err != nil {
				it.file.problem("%v", short(err))
			} else {
				it.stream = f
			}
		} else if !mode.IsRegular() {
			it.file.problem("not a regular file (%v)", mode.Type())
		}
		return []*item{it}
	}
	var found []*item
	folder.Walk(p, nil, func(open, name string, st fs.FileInfo, err error) {
		it := newItem(open, name, opt)
		switch {
		case err != nil:
			it.file.problem("%v", short(err))
		case !st.Mode().IsRegular():
			it.file.problem("not a regular file (%v)", st.Mode().Type())
		}
		found = append(found, it)
	})
	return found
}

func newItem(open, name string, opt Options) *item {
	return &item{file: &File{Path: name, Open: open, Kind: Unrecognised}, unpack: opt.Unpack, progress: opt.Progress}
}

// short leaves the operation and the path out of an error: the report names
// the file already.
func short(err error) error {
	if e, ok := err.(*fs.PathError); ok {
		return e.Err
	}
	return err
}

// tellApart gives files of different arguments that would have one name in the
// report the path they were given by.
func tellApart(all []*item) {
	count := map[string]int{}
	for _, it := range all {
		count[it.file.Path]++
	}
	for _, it := range all {
		if count[it.file.Path] > 1 {
			it.file.Path = filepath.ToSlash(filepath.Clean(it.file.Open))
		}
	}
}

// setFolders names the folder of each file: the first one below what all the
// arguments have in common, which most often bears the name of a host.
func setFolders(paths []string, all []*item) {
	var shared []string
	for i, p := range paths {
		if p == "-" {
			continue
		}
		dir := strings.Split(filepath.ToSlash(filepath.Clean(p)), "/")
		if st, err := os.Stat(p); len(paths) > 1 || err != nil || !st.IsDir() {
			dir = dir[:len(dir)-1]
		}
		if i == 0 || shared == nil {
			shared = dir
			continue
		}
		n := 0
		for n < len(shared) && n < len(dir) && shared[n] == dir[n] {
			n++
		}
		shared = shared[:n]
	}
	for _, it := range all {
		parts := strings.Split(filepath.ToSlash(filepath.Clean(it.file.Open)), "/")
		if len(paths) == 1 && paths[0] == "." || len(shared) == 1 && shared[0] == "." {
			shared = nil
		}
		if len(parts) > len(shared)+1 && it.stream == nil {
			it.folder = parts[len(shared)]
		}
	}
}
