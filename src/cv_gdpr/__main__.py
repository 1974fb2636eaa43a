"""Entry point of `cv-gdpr` and `python -m cv_gdpr`: Ctrl-C during the imports, too, prints one line."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from cv_gdpr.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("Error: interrupted\n")
        sys.exit(130)
    except MemoryError:
        sys.stderr.write("Error: there is not enough memory\n")
        sys.exit(1)
    run()


if __name__ == "__main__":
    main()
