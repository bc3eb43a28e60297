package report

import (
	"encoding/hex"
	"image/color"
)

// notFinite is the colour of NaN and infinities, which no colour of the map is
// like.
var notFinite = color.RGBA{0xff, 0x00, 0xff, 0xff}

// colours is a colour map of 255 colours from dark to light, in even steps of
// perceived lightness, and notFinite.
var colours = func() color.Palette {
	bytes, _ := hex.DecodeString(blackBody) // TestColoursAreMorelands reads all of it
	list := make(color.Palette, 0, len(bytes)/3+1)
	for i := 0; i < len(bytes); i += 3 {
		list = append(list, color.RGBA{bytes[i], bytes[i+1], bytes[i+2], 0xff})
	}
	return append(list, notFinite)
}()

// blackBody is Kenneth Moreland's extended black body, RGB in hexadecimal: 255
// colours at equal distances, as gonum.org/v1/plot/palette/moreland v0.17.0
// interpolates them.
const blackBody = "" +
	"00000002000404010906020d0903110b04140d05170f061910061c11071e120821130923140a26140b28150c2b150d2e" +
	"150d30160e33160f36170f38170f3b18103e18104118104419114619114919114c19114f1912521a12551a12581a125b" +
	"1a135e1a13611a136419136719146a19146d19147018147318157617157917157c16158016168315168614168913168c" +
	"11168f1016930e17960c17990a179c0717a00417a30118a60318a90b17ab1117ad1617ae1a17b01e16b22216b42516b6" +
	"2915b82c15ba2f15bb3214bd3414bf3713c13a13c33c12c53f12c74111c84410ca4610cc490fce4b0ed04d0dd2500cd4" +
	"520bd6540ad85608da5907db5b05dd5d04df5f02e16101e36600e26f00dd7700d77f00d28500cc8b00c79100c29600bc" +
	"9b00b7a000b1a400aca800a7ac00a1af009cb30097b60092b9008cbc0087bf0082c2007dc40078c70073c9006dcc0068" +
	"ce0063d0005ed20259d40654d6094ed80d49da1044dc123edd163cde1b3cde1e3cdf223ce0253ce1283ce22b3ce22d3c" +
	"e3303ce4333ce5353ce5373be63a3be73c3be83e3be9403be9423bea443beb463bec483bec4a3bed4c3bee4e3bef4f3b" +
	"ef513bf0533bf1553af2573af2583af35a3af45c3af55d3af55f3af6613af7623af86439f86639f96739fa6939fb6b39" +
	"fb6c39fc6e39fd6f38fe7138fe7338ff7438ff7638ff7837ff7b37ff7d36ff7f36fe8136fe8335fe8535fe8834fe8a34" +
	"fd8c34fd8e33fd9033fd9232fc9432fc9631fc9831fb9a30fb9c30fb9e2ffba02ffaa22efaa32dfaa52df9a72cf9a92b" +
	"f9ab2bf8ad2af8af29f7b129f7b328f7b427f6b626f6b825f5ba25f5bc24f4bd23f4bf22f4c121f3c320f3c51ff2c61d" +
	"f2c81cf1ca1bf0cc19f0ce18efcf16efd115efd318f0d425f1d52ef2d637f3d73ef4d845f5d94cf6da52f6db58f7dc5e" +
	"f8dd64f9de6afadf6ffae175fbe27afce37ffce485fde58afde68ffee794fee899ffe99fffeba4ffeca9ffedaeffeeb3" +
	"ffefb8fff0bdfff1c2fff3c7fff4ccfff5d2fff6d7fff7dcfff8e1fffae6fffbebfffcf0fffdf5fffefaffffff"
