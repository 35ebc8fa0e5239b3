"""The paper's tables and figures: text, Markdown and drawings."""
