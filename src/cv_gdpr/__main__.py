"""`python -m cv_gdpr` is `cv-gdpr`."""

from cv_gdpr.cli import main

main()
