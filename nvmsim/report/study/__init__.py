"""The report of a study over a grid: page, figures, tables."""
