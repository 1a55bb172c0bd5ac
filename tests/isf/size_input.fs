/*{ "ISFVSN": "2",
    "INPUTS": [ { "NAME": "coarse", "TYPE": "float", "DEFAULT": 4.0, "MIN": 1.0, "MAX": 16.0 } ],
    "PASSES": [ { "TARGET": "small", "WIDTH": "max(1, floor($WIDTH / $coarse))", "HEIGHT": 3 }, {} ] }*/
void main() {
    if (PASSINDEX == 0) gl_FragColor = vec4(0.5);
    else gl_FragColor = vec4(IMG_SIZE(small) / 100.0, 0.0, 1.0);
}
