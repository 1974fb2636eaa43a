"""The tests: of each room a folder, against the simulator over HTTP; what is small and pure in unit/."""
