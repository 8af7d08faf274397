/*
 * repair: what the repairing commands have in common: how they say what they find and do.
 */
#ifndef CMD_REPAIR_H
#define CMD_REPAIR_H
#include "cmd/session.h"
#include "engine/repair_index.h"

struct repair_events repair_events(struct session *s); /* arg is the session */
/* repair_index: repair_index_run, told. */
int repair_index(struct session *s, const struct repair_index_options *o, struct err *err);

#endif
