"""Names for the points of MediaPipe's face mesh (478 landmarks; 468 vertices and two irises).

"Right" and "left" are the person's own: RIGHT_* lies on the image's left in an unmirrored video.
Rings run once around their shape without repeating the first point, so they can be filled as
polygons; upper and lower lines run from the image's left to its right, so that entry k of the one
lies above entry k of the other.
The indices are those of `mediapipe.solutions.face_mesh_connections` (MediaPipe 0.10.14); they are
written out because importing MediaPipe costs two seconds.
"""

from __future__ import annotations

POINTS = 478
"""Landmarks with the refined irises."""
VERTICES = 468
"""Vertices of the face surface: points[:, :VERTICES]."""

# --- mouth -----------------------------------------------------------------------------------
UPPER_LIP_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LOWER_LIP_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
UPPER_LIP_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_LIP_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
LIPS_OUTER = UPPER_LIP_OUTER + LOWER_LIP_OUTER[-2:0:-1]
"""Ring around both lips: everything inside is mouth."""
LIPS_INNER = UPPER_LIP_INNER + LOWER_LIP_INNER[-2:0:-1]
"""Ring along the inner edge of the lips: what shows inside is teeth, tongue and cavity."""
LIPS = tuple(sorted({*LIPS_OUTER, *LIPS_INNER}))
MOUTH_CORNERS = (61, 291)
MOUTH_OPENING = ((81, 178), (13, 14), (311, 402))
"""Pairs (upper inner lip, lower inner lip) whose mean distance is the opening of the mouth."""

# --- eyes ------------------------------------------------------------------------------------
RIGHT_UPPER_LID = (33, 246, 161, 160, 159, 158, 157, 173, 133)
RIGHT_LOWER_LID = (33, 7, 163, 144, 145, 153, 154, 155, 133)
LEFT_UPPER_LID = (362, 398, 384, 385, 386, 387, 388, 466, 263)
LEFT_LOWER_LID = (362, 382, 381, 380, 374, 373, 390, 249, 263)
RIGHT_EYE = RIGHT_UPPER_LID + RIGHT_LOWER_LID[-2:0:-1]
LEFT_EYE = LEFT_UPPER_LID + LEFT_LOWER_LID[-2:0:-1]
RIGHT_EYE_CORNERS = (33, 133)
"""Outer and inner corner."""
LEFT_EYE_CORNERS = (263, 362)
"""Outer and inner corner."""
RIGHT_IRIS = (469, 470, 471, 472)
LEFT_IRIS = (474, 475, 476, 477)

# --- brows, cheeks, nose, outline ------------------------------------------------------------
RIGHT_BROW_UPPER = (70, 63, 105, 66, 107)
RIGHT_BROW_LOWER = (46, 53, 52, 65, 55)
LEFT_BROW_UPPER = (336, 296, 334, 293, 300)
LEFT_BROW_LOWER = (285, 295, 282, 283, 276)
RIGHT_BROW = RIGHT_BROW_UPPER + RIGHT_BROW_LOWER[::-1]
LEFT_BROW = LEFT_BROW_UPPER + LEFT_BROW_LOWER[::-1]
RIGHT_CHEEK = (50, 101, 118, 117, 123, 205)
LEFT_CHEEK = (280, 330, 347, 346, 352, 425)
NOSE_TIP, CHIN, FOREHEAD = 1, 152, 10
FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
"""Ring around the face, from the middle of the forehead by the person's left cheek to the chin."""

# --- points that follow the skull ------------------------------------------------------------
RIGID = (
    1, 3, 4, 5, 6, 8, 9, 19, 20, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 34, 35, 36, 44, 45, 47,
    48, 49, 50, 51, 56, 59, 60, 64, 68, 69, 71, 75, 79, 94, 98, 99, 100, 101, 102, 104, 108, 110,
    111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 128, 129, 130,
    131, 134, 137, 139, 141, 142, 143, 147, 151, 156, 166, 168, 174, 188, 189, 190, 193, 195, 196,
    197, 198, 203, 205, 209, 217, 218, 219, 220, 221, 222, 223, 224, 225, 226, 227, 228, 229, 230,
    231, 232, 233, 235, 236, 237, 238, 239, 240, 241, 242, 243, 244, 245, 247, 248, 250, 252, 253,
    254, 255, 256, 257, 258, 259, 260, 261, 264, 265, 266, 274, 275, 277, 278, 279, 280, 281, 286,
    289, 290, 294, 298, 299, 301, 305, 309, 327, 328, 329, 330, 331, 333, 337, 339, 340, 341, 342,
    343, 344, 345, 346, 347, 348, 349, 350, 351, 352, 353, 354, 355, 357, 358, 359, 360, 363, 366,
    368, 370, 371, 372, 376, 383, 392, 399, 412, 413, 414, 417, 419, 420, 423, 425, 429, 437, 438,
    439, 440, 441, 442, 443, 444, 445, 446, 447, 448, 449, 450, 451, 452, 453, 455, 456, 457, 458,
    459, 460, 461, 462, 463, 464, 465, 467,
)  # fmt: skip
"""226 vertices that hardly move on the skull: no lips, lids, brows or outline, nothing more than
2 cm below the origin of the canonical face (that is, nothing below the nose)."""

# --- the common 68-point annotation ----------------------------------------------------------
IBUG68 = (
    127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356,  # jaw
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,  # brows
    168, 197, 5, 4, 75, 97, 2, 326, 305,  # nose
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,  # eyes
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,  # outer lips
    78, 82, 13, 312, 308, 317, 14, 87,  # inner lips
)  # fmt: skip
"""Mesh points nearest to the 68 of the iBUG annotation, in its order (48 to 67 are the mouth)."""
