#version 330 core
// A visual laid under the light: its own colours, straight alpha, as strong as is asked for. share: of the way there.
// opaque: 1 where the alpha is only what blending left of it.
uniform sampler2D picture;
uniform float strength, share, opaque;
in vec2 uv;
out vec4 colour;
void main() {
    vec4 c = texture(picture, uv);
    c = clamp(mix(c, vec4(0.0), bvec4(isnan(c.r), isnan(c.g), isnan(c.b), isnan(c.a))), 0.0, 1.0);
    vec3 light = c.rgb * max(c.a, opaque) * strength;
    float grain = fract(52.9829189 * fract(dot(gl_FragCoord.xy, vec2(0.06711056, 0.00583715)))) - 0.5;
    colour = vec4(max(light + grain / 255.0 * step(0.002, max(light.r, max(light.g, light.b))), 0.0), share);
}
