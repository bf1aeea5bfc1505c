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
#include "../front.h"

#define FCJ_FREECAD_SCHEME "freecad://"

/*  Appends what resources/list and resources/templates/list show. */
void fcj_freecad_list (const fcj_front_t *front, json_t *list);
void fcj_freecad_templates (const fcj_front_t *front, json_t *list);
/*  What of the live documents such a URI shows; FCJ_LIVE_DOCUMENT, the one
 *  document or something in it, with its name or label. */
typedef enum {
    FCJ_LIVE_NOTHING, FCJ_LIVE_LIST, FCJ_LIVE_ACTIVE, FCJ_LIVE_DOCUMENT
} fcj_live_t;
#define FCJ_LIVE_NAME_MAX 256   /* bytes of a document's or object's name */
fcj_live_t fcj_freecad_live (const char *uri,
                             char name[FCJ_LIVE_NAME_MAX + 1]);
/*  Whether such a URI is of the form of one that can be read. */
bool fcj_freecad_known (const char *uri);
/*  Answers a resources/read of such a URI. */
void fcj_freecad_read (fcj_call_t *call, const char *uri);
/*  One of the answers above: a JSON value (borrowed) as the contents. */
void fcj_freecad_answer (fcj_call_t *call, const char *uri,
                         const json_t *value);
#endif
