# shellcheck shell=bash disable=SC2034 # conductor.sh and setup.sh source this file
# Settings of conductor.sh. Each may be set in the environment instead.

# Where images and containers are: beside the script.
IMAGES=${IMAGES:-$here/.images}
CONTAINERS=${CONTAINERS:-$here/.containers}

# What debootstrap puts into an image besides the least there is, and from where (empty: its own choice).
PACKAGES=${PACKAGES:-bash,mount,iproute2,iputils-ping,procps}
MIRROR=${MIRROR:-}

# The command of a container for which none is given.
DEFAULT_COMMAND=${DEFAULT_COMMAND:-/bin/bash}

# Container number N has the network $POOL.N.0/24. Choose another where the host uses this one itself.
POOL=${POOL:-192.168}

# The host's link to the internet: that of the default route.
UPLINK=${UPLINK:-$(ip -4 route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n 1)}

# How long a container may take to begin or to end, in seconds.
PATIENCE=${PATIENCE:-30}
