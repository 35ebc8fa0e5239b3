"""The error models that come with nvmsim, one a file; a profile's ``rber.model`` names one."""
