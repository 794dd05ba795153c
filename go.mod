module github.com/flowcorr/flowcorr

go 1.26
