/* pytc-test: as guarded.c, with a helper that Linux 6.2 brought; only its number counts, so it gets no arguments */
#define HELPER		cgrp_storage_get
#define HELPER_NUMBER	210
#define HELPER_SINCE	KERNEL_VERSION(6, 2)
#include "../objects/guarded.c"
