#!/bin/sh
# Installs everything in a virtual environment of its own. `make install` calls it.
#
#   VENV=.venv RUNTIME=tf1|tf2 PYTHON=... TENSORFLOW=... sh scripts/install.sh
#
# Of these only VENV has to be given. Without RUNTIME it is TensorFlow 1.15 (tf1), unless there is no
# Python 3.7 or the GPU is too new for it; then it says so and takes today's TensorFlow (tf2).
set -e

# Behind a name that is empty the root of all files would be emptied; with a slash behind it, a link is
# what it leads to.
while [ "${VENV%/}" != "$VENV" ]; do VENV=${VENV%/}; done
if [ -z "$VENV" ]; then
    echo "VENV: names no folder; say where to install: VENV=.venv sh scripts/install.sh" >&2
    exit 1
fi

# The environment that is emptied below gives no Python, be it active, wherever its folder stands in
# the path and by whatever name it is there, or found here by uv.
rest=$PATH: PATH=
while [ -n "$rest" ]; do
    entry=${rest%%:*} rest=${rest#*:}
    [ "$entry" -ef "$VENV/bin" ] 2>/dev/null || PATH=$PATH${PATH:+:}$entry
done
unset VIRTUAL_ENV

# A python3.7 that merely exists does not count: it has to run (a pyenv shim may refuse to).
version() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

# fits <runtime> <python>
fits() {
    case "$1 $(version "$2")" in
        "tf1 3.6" | "tf1 3.7") true ;;
        "tf2 3.10" | "tf2 3.11" | "tf2 3.12" | "tf2 3.13") true ;;
        *) false ;;
    esac
}

# search <runtime> <version>...: the first Python of these versions that runs.
search() {
    kind=$1
    shift
    for number in "$@"; do
        for candidate in "python$number" "$(pyenv root 2>/dev/null)"/versions/"$number".*/bin/python \
            "$(cd / && uv python find "$number" 2>/dev/null)"; do
            if fits "$kind" "$candidate"; then
                echo "$kind $candidate"
                return 0
            fi
        done
    done
    return 1
}

fail() {
    echo "$1" >&2
    exit 1
}

# choose: prints the runtime and the Python, "tf1 /usr/bin/python3.7".
choose() {
    case "$RUNTIME" in
        "" | tf1 | tf2) ;;
        *) fail "RUNTIME=$RUNTIME: must be tf1 (TensorFlow 1.15) or tf2 (today's TensorFlow)." ;;
    esac
    if [ -n "$PYTHON" ]; then
        for candidate in ${RUNTIME:-tf1 tf2}; do
            if fits "$candidate" "$PYTHON"; then
                echo "$candidate $PYTHON"
                return
            fi
        done
        fail "PYTHON=$PYTHON: not a Python that runs and fits: 3.7 for TensorFlow 1.15 (RUNTIME=tf1), 3.10 to 3.13 for today's (RUNTIME=tf2)."
    fi

    # TensorFlow 1.15 is built for CUDA 10.0, which knows cards up to Turing: capability 7.5.
    capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1)
    wanted=$RUNTIME
    case "$RUNTIME$TENSORFLOW$capability" in # What nvidia-smi says instead, where it fails, is no number.
        [89].* | [1-9][0-9].*)
            echo "The GPU (compute capability $capability) is too new for TensorFlow 1.15: taking today's." >&2
            wanted=tf2
            ;;
    esac
    case "$RUNTIME$TENSORFLOW$(uname -m 2>/dev/null)" in
        aarch64 | arm64)
            echo "TensorFlow 1.15 is built for x86-64 only: taking today's." >&2
            wanted=tf2
            ;;
    esac
    if [ "$wanted" != tf2 ]; then
        search tf1 3.7 3.6 && return
        [ "$wanted" != tf1 ] || fail "No Python 3.7 found, which TensorFlow 1.15 needs. Get one with 'uv python install 3.7' or 'pyenv install 3.7', or name yours: make PYTHON=/path/to/python3.7"
        echo "No Python 3.7 found, which TensorFlow 1.15 needs: taking today's TensorFlow." >&2
    fi
    search tf2 3.11 3.12 3.10 3.13 ||
        fail "No Python 3.10 to 3.13 found either. Get one with 'uv python install 3.11' or 'pyenv install 3.11', or name yours: make PYTHON=/path/to/python3.11"
}

# The folder is emptied below. One that holds something else stays, and what a link leads to, which may
# belong to another checkout.
if [ -L "$VENV" ] || { [ ! -f "$VENV/pyvenv.cfg" ] && [ -n "$(ls -A "$VENV" 2>/dev/null)" ]; }; then
    fail "VENV=$VENV: is a link, or exists and is no virtual environment; remove it or name another."
fi

# Two at once would empty and fill the same folder. Where flock cannot tell, nothing is refused.
if command -v flock >/dev/null; then
    exec 9< "$0"
    flock -n -E 75 9 2>/dev/null || [ $? != 75 ] ||
        fail "Another make installs here; wait for its end, then make again."
fi

# Whoever asks for nothing keeps the runtime that there is, and its Python.
if [ -z "$RUNTIME$PYTHON$TENSORFLOW" ] && [ -f "$VENV/.installed" ]; then
    RUNTIME=$(cut -d " " -f 1 "$VENV/.installed")
    kept=$(cut -d " " -f 3- "$VENV/.installed")
    ! fits "$RUNTIME" "$kept" || PYTHON=$kept
fi
chosen=$(choose)
runtime=${chosen%% *}
python=${chosen#* }

requirements=requirements.txt
[ "$runtime" = tf1 ] || requirements=requirements-tf2.txt
if [ -z "$TENSORFLOW" ]; then
    TENSORFLOW=$(sed -n 's/^\(tensorflow[^ ]*\).*/\1/p' "$requirements")
    # Today's is the same package with and without a GPU, but for CUDA's own libraries.
    if [ "$runtime" = tf2 ] && command -v nvidia-smi >/dev/null; then
        TENSORFLOW=$(echo "$TENSORFLOW" | sed 's/==/[and-cuda]==/')
    fi
fi

echo "$TENSORFLOW on $python"
# What says that it is an environment goes last: broken off here, the same command goes on.
for entry in "$VENV"/* "$VENV"/.[!.]*; do
    [ "$entry" = "$VENV/pyvenv.cfg" ] || rm -rf "$entry"
done
"$python" -m venv --clear "$VENV"
sed "s|^tensorflow[^ ]*|$TENSORFLOW|" "$requirements" > "$VENV/requirements.txt"
# Into the environment, and all of it, whatever PYTHONPATH and pip's settings say.
unset PIP_TARGET PIP_PREFIX
export PIP_USER=0
install() {
    "$VENV/bin/python" -I -m pip --disable-pip-version-check install "$@"
}
install --quiet --upgrade pip wheel
# What this loads and unpacks takes minutes, which are seen to pass.
install -r "$VENV/requirements.txt" -r tests/requirements.txt
echo "$runtime $TENSORFLOW $python" > "$VENV/.installed"
