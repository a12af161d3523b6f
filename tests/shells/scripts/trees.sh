# SPDX-License-Identifier: MIT
# Random trees of processes (trees.c), all the same each time; 10,000 of them in the long tier.
exec trees ${TARBOX_LONG:+10000}
