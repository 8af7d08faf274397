/*
 * publish: gives a file that was written under a temporary name its own, if that is free: of
 * several that want one name, one gets it.
 */
#ifndef BASE_PUBLISH_H
#define BASE_PUBLISH_H

/*
 * publish_new(dir, temp, name): `temp` is called `name` from now on, both as openat(2) reads names
 * from descriptor dir.  0, or an errno value and `temp` is still there: EEXIST when there is such a
 * file.  On a file system that knows neither link(2) nor RENAME_NOREPLACE the name is looked for
 * right before it is taken.
 */
int publish_new(int dir, const char *temp, const char *name);

#endif
