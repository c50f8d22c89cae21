#!/bin/sh
# Runs while an image is built: installs what /requirements.txt pins into /opt/venv,
# every file by its hash. compile.py adds the bytecode that is needed, and no other.
set -eu
python -m venv --without-pip /opt/venv
python -m pip --python /opt/venv/bin/python install \
    --quiet --disable-pip-version-check --root-user-action ignore \
    --require-hashes --only-binary :all: --no-compile --requirement /requirements.txt
