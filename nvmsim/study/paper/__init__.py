"""The paper's tables and figures as studies: read, measured, and set beside what the paper says."""
