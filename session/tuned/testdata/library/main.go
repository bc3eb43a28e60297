// Command library imports package tuned, which a shared library may not.
package main

import _ "tfcnn/session/tuned"

func main() {}
