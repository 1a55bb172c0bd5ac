#version 330 core
// A box with round corners, filled, or as an outline inside its edge where it has a stroke.
uniform float shown;
flat in vec4 box, shape, paint;
in vec2 here;
out vec4 colour;
void main() {
    vec2 half_ = 0.5 * box.zw, q = abs(here - box.xy - half_) - half_ + shape.x;
    float d = length(max(q, 0.0)) + min(max(q.x, q.y), 0.0) - shape.x;
    float cover = clamp(0.5 - d, 0.0, 1.0);
    if (shape.y > 0.0) cover = min(cover, clamp(0.5 + d + shape.y, 0.0, 1.0));
    colour = vec4(paint.rgb, paint.a * cover * shown);
}
