/*  freecad.h - the resources freecad://...: what this FreeCAD is and what
 *  stands in it.
 *
 *      version, capabilities       from the service's status
 *      documents, documents/{document}, documents/{document}/objects,
 *      documents/{document}/objects/{object}, active-document, workbenches,
 *      macros, console, preferences
 *                                  the result of a tool, run as a job where
 *                                  the live documents are
 *
 *  Those whose tool this server has not got are not listed.  */

#ifndef FCJ_MCP_FREECAD_H
#define FCJ_MCP_FREECAD_H
#include "front.h"

#define FCJ_FREECAD_SCHEME "freecad://"

/*  Appends what resources/list and resources/templates/list show. */
void fcj_freecad_list (const fcj_front_t *front, json_t *list);
void fcj_freecad_templates (const fcj_front_t *front, json_t *list);
/*  Answers a resources/read of such a URI. */
void fcj_freecad_read (fcj_call_t *call, const char *uri);
/*  One of the answers above: a JSON value (borrowed) as the contents. */
void fcj_freecad_answer (fcj_call_t *call, const char *uri,
                         const json_t *value);
#endif
