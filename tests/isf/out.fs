/*{ "ISFVSN": "2" }*/
#version 330 core
#extension GL_ARB_shading_language_420pack : enable
out vec4 mine;
void main() {
    mine = vec4(0.2, 0.4, 0.6, 1.0);
}
