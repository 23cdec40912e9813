"""The grader's modules: one a subject. tests/grade/README.md tells how they fit together."""
