"""`cv-gdpr simulate`, as a person starts it: two lines to paste, a service behind them, an end by Ctrl-C."""

import os
import signal
import subprocess
import sys

import requests


def test_two_lines_lead_to_a_service_with_the_rate_asked_for():
    command = [sys.executable, "-m", "cv_gdpr", "simulate", "--images", "7", "--calls-per-second", "3"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=os.environ | {"PYTHONUNBUFFERED": "1"}, text=True, **pipes) as process:
        try:
            lines = [process.stdout.readline().strip().removeprefix("export ") for _ in range(2)]
            named = dict(line.split("=", 1) for line in lines)
            asked = f"{named['CV_GDPR_ENDPOINT']}/customvision/v3.4-preview/training/projects"
            key = {"Training-Key": named["CV_GDPR_TRAINING_KEY"]}
            answers = [requests.get(asked, headers=key, timeout=10) for _ in range(4)]
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=10)
        finally:
            process.kill()
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert {project["name"] for project in answers[0].json()} == {"Visitors & pets", "Launch site", "Project 1"}
    assert process.returncode == 0
    assert "Traceback" not in said
