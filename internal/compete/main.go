//go:build unix

// Command compete runs flowcorr and the programs others use on the same
// captures, whole processes, by turns, and prints medians and ratios. What is
// not installed is left out and named.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// competitor is a program and how it is told to read a capture.
type competitor struct {
	name string
	args []string // FILE stands for the capture
	ours bool
}

// competitors in the order they take turns. dd stands for reading alone: newer
// cats do not copy what goes to nowhere.
var competitors = []competitor{
	{name: "flowcorr", args: []string{"flows", "--format", "jsonl", "FILE"}, ours: true},
	{name: "dd", args: []string{"if=FILE", "of=/dev/null", "bs=128k", "status=none"}},
	{name: "tcpdump", args: []string{"-r", "FILE", "-w", "/dev/null"}},
	{name: "capinfos", args: []string{"-c", "-u", "FILE"}},
	{name: "tracestats", args: []string{"pcapfile:FILE"}},
	{name: "softflowd", args: []string{"-v", "10", "-r", "FILE", "-n", "127.0.0.1:59995", "-d"}},
	{name: "argus", args: []string{"-X", "-r", "FILE", "-w", "/dev/null"}},
	{name: "tcptrace", args: []string{"-n", "FILE"}},
	{name: "ndpiReader", args: []string{"-i", "FILE", "-q"}},
	{name: "mercury", args: []string{"-r", "FILE"}},
	{name: "tshark", args: []string{"-n", "-r", "FILE", "-T", "fields", "-e", "frame.number", "-e", "tcp.stream", "-e", "tcp.analysis.ack_rtt",
		"-e", "tcp.analysis.retransmission", "-e", "tcp.analysis.initial_rtt", "-e", "tls.handshake.type", "-e", "tls.handshake.extensions_server_name", "-e", "dns.time", "-e", "http.time"}},
}

// run is what one process took.
type run struct {
	cpu, wall time.Duration
	bytes     int64 // peak of resident memory
}

func main() {
	rounds := flag.Int("rounds", 5, "how often each program runs")
	budget := flag.Duration("budget", time.Minute, "a program that has taken so long on a capture runs no more, and twice as long is stopped")
	binary := flag.String("flowcorr", "bin/flowcorr", "the binary")
	only := flag.String("only", "", "comma-separated programs to run beside flowcorr and tcpdump")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: compete [-rounds N] CAPTURE…")
		os.Exit(2)
	}
	list, missing := present(*binary, *only)
	for _, file := range flag.Args() {
		print(file, list, turns(list, file, *rounds, *budget))
	}
	if len(missing) > 0 {
		fmt.Println("not installed:", strings.Join(missing, ", "))
	}
}

// present are the programs that can be run, by their paths.
func present(binary, only string) (list []competitor, missing []string) {
	for _, c := range competitors {
		if only != "" && !c.ours && c.name != "tcpdump" && !slices.Contains(strings.Split(only, ","), c.name) {
			continue
		}
		path := binary
		if !c.ours {
			var err error
			if path, err = exec.LookPath(c.name); err != nil {
				missing = append(missing, c.name)
				continue
			}
		}
		c.args = append([]string{path}, c.args...)
		list = append(list, c)
	}
	return list, missing
}

// turns runs all programs by turns. The first turn warms the cache and does not
// count, unless there is no other. What fails is told: some of them do on a file
// that is cut.
func turns(list []competitor, file string, rounds int, budget time.Duration) map[string][]run {
	runs, spent := map[string][]run{}, map[string]time.Duration{}
	for turn := range rounds + 1 {
		for _, c := range list {
			if spent[c.name] > budget {
				continue
			}
			r, err := once(c, file, budget)
			if err != nil && turn == 0 {
				fmt.Fprintf(os.Stderr, "compete: %s on %s: %v\n", c.name, file, err)
			}
			spent[c.name] += r.wall
			if turn == 1 {
				runs[c.name] = nil
			}
			runs[c.name] = append(runs[c.name], r)
		}
	}
	return runs
}

func once(c competitor, file string, limit time.Duration) (run, error) {
	args := make([]string, len(c.args))
	for i, a := range c.args {
		args[i] = strings.ReplaceAll(a, "FILE", file)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*limit) // some wait for what never comes
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	begin := time.Now()
	err := cmd.Run()
	wall := time.Since(begin)
	if cmd.ProcessState == nil {
		return run{}, err
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return run{cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), wall, int64(usage.Maxrss) * 1024}, err
}

// median of what the runs tell.
func median(list []run) run {
	of := func(value func(run) int64) int64 {
		var all []int64
		for _, r := range list {
			all = append(all, value(r))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return run{
		time.Duration(of(func(r run) int64 { return int64(r.cpu) })),
		time.Duration(of(func(r run) int64 { return int64(r.wall) })),
		of(func(r run) int64 { return r.bytes }),
	}
}

func print(file string, list []competitor, runs map[string][]run) {
	fmt.Printf("%s\n", filepath.Base(file))
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "program\truns\tCPU s\twall s\tpeak MB\tflowcorr's CPU as a share\tflowcorr's wall as a share\t")
	if len(runs["flowcorr"]) == 0 {
		return
	}
	ours := median(runs["flowcorr"])
	for _, c := range list {
		if len(runs[c.name]) == 0 {
			continue
		}
		m := median(runs[c.name])
		fmt.Fprintf(w, "%s\t%d\t%.2f\t%.2f\t%.0f\t%s\t%s\t\n", c.name, len(runs[c.name]), m.cpu.Seconds(), m.wall.Seconds(), float64(m.bytes)/1e6,
			share(ours.cpu, m.cpu), share(ours.wall, m.wall))
	}
	w.Flush()
}

func share(ours, theirs time.Duration) string {
	if theirs == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", float64(ours)/float64(theirs))
}
