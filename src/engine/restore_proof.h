/*
 * restore_proof: that the target is the same directory on each rank's node, before anything is
 * restored into it: rank 0 makes a file there, which each must find, and removes it again.
 */
#ifndef ENGINE_RESTORE_PROOF_H
#define ENGINE_RESTORE_PROOF_H
#include "engine/restore_dir.h"
#include "ranks/agree.h"

/*
 * restore_proof: collective, with several ranks; s: the target is open, or err says why not.  The
 * same code on all ranks: an error names the first rank that sees another directory, and its node.
 * In a dry run, and where no file can be made, the numbers of the directory are compared.
 */
int restore_proof(const struct restore_dirs *s, struct router *r, struct agree *a, struct err *err);

#endif
