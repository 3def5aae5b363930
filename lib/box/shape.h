/* SPDX-License-Identifier: MIT
 * Documents from outside brought into one form: the members we know, in our spelling, of the kind
 * they should be, with what Docker takes where nothing is said. What is not known is dropped, as
 * the Docker Engine API has it; names match without regard to case, as Go's decoder does.
 */
#ifndef TACKLE_BOX_SHAPE_H
#define TACKLE_BOX_SHAPE_H

#include "base/json.h"

/* The shape is a document as well:
 *	{"A": 1}        an object with a number A, which is 1 when absent
 *	"A?"            a member that stays null when it is absent
 *	{"*": x}        a map: any name, values of the shape x
 *	[x]             a list of any length, empty when absent; one string stands for a list of it
 *	null            anything
 * Returns a new reference, or NULL with `err` set (invalid) and the place in it. */
json_t *shape_fill(const struct jat *at, json_t *shape);

/* Fails (invalid, the place named) where the document has a member that the shape has not, and that
 * says something: not null, 0, false, or empty. Kinds are not looked at. */
int shape_check_known(const struct jat *at, json_t *shape);

/* Shapes of the body of `POST /containers/create` and of an image's "config". Borrowed. */
json_t *shape_create(void);
json_t *shape_image(void);

#endif
