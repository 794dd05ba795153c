package main

import (
	"slices"
	"testing"
)

// TestStopping: the setting is added to what GODEBUG says, once, and not where it is
// given, so that a program that begins anew does so once.
func TestStopping(t *testing.T) {
	for _, c := range []struct {
		env, want []string
		todo      bool
	}{
		{[]string{"A=1"}, []string{"A=1", "GODEBUG=gcstoptheworld=1"}, true},
		{[]string{"GODEBUG=", "A=1"}, []string{"A=1", "GODEBUG=gcstoptheworld=1"}, true},
		{[]string{"GODEBUG=gctrace=1", "A=1"}, []string{"A=1", "GODEBUG=gctrace=1,gcstoptheworld=1"}, true},
		{[]string{"GODEBUG=gcstoptheworld=0"}, []string{"GODEBUG=gcstoptheworld=0"}, false},
	} {
		given := slices.Clone(c.env)
		with, todo := stopping(c.env)
		if !slices.Equal(with, c.want) || todo != c.todo {
			t.Errorf("%q: %q, %t", given, with, todo)
		}
		if todo {
			if again, todo := stopping(with); todo || !slices.Equal(again, with) {
				t.Errorf("%q: a second time %q", given, again)
			}
		}
	}
}
