/* SPDX-License-Identifier: ISC */
/* report_metrics.h: the figures of a run as OpenMetrics, which Prometheus and its like collect. */
#ifndef HUSK_REPORT_METRICS_H
#define HUSK_REPORT_METRICS_H

#include <stdio.h>

#include "../include/husk/husk.h"

/*
 * All figures; those of a name together, as the format has it, and what they are about in a label. "# EOF"
 * is the last line.
 */
void report_metrics(const struct husk *h, FILE *out);

#endif
